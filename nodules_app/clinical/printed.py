"""The guidelines as pages, printed from the rows that decide, in English and Chinese.

``docs/guidelines.md`` and its Chinese twin are this text; a test fails when they drift.
"""

# ruff: noqa: E501 - one word in two languages is one line here

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.editions import lungrads2022
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.eligibility import RULES as ELIGIBILITY
from nodules_app.clinical.management import MANAGEMENT
from nodules_app.clinical.months import Months
from nodules_app.clinical.reasons import Language
from nodules_app.clinical.rules import Condition, Rule, Span
from nodules_app.clinical.ruleset import ruleset_hash

# What the conditions of the rows are called.
FIELDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "age": ("age", "年龄"),
        "airway": ("airway nodule", "气道结节"),
        "at_fissure_or_pleura": ("at a fissure or the pleura", "位于叶间裂或胸膜"),
        "attenuation": ("attenuation", "密度"),
        "basis": ("compared by", "比较依据"),
        "benign": ("benign calcification or fat", "良性钙化或脂肪"),
        "brock_known": ("Brock can be computed", "可计算Brock"),
        "brock_percent": ("Brock 2b %", "Brock 2b %"),
        "cancer_history": ("cancer history", "肿瘤病史"),
        "change": ("change of the cyst", "囊腔变化"),
        "done": ("schedule complete", "随访完成"),
        "family": ("number in its family", "同类结节数"),
        "growing": ("growing", "增长中"),
        "growth": ("growth", "增长"),
        "herder_percent": ("Herder %", "Herder %"),
        "immunosuppressed": ("immunosuppressed", "免疫抑制"),
        "incomplete": ("exam incomplete", "检查不完整"),
        "kind": ("kind", "类型"),
        "known_cancer": ("known primary cancer", "已知原发肿瘤"),
        "label": ("which CT", "第几次复查"),
        "large": (">= 300 mm3, without volume >= 8 mm", "≥300 mm³,无体积时≥8 mm"),
        "large_or_suspicious": ("> 8 mm, or spiculated from 6 mm", ">8 mm,或≥6 mm且有毛刺"),
        "largest": ("largest class in its family", "同类最大级别"),
        "largest_mm": ("largest diameter mm", "最大径 mm"),
        "margin": ("margin", "边缘"),
        "mark_open": ("a mark is still open", "尚有未完成的随访点"),
        "mayo_known": ("Mayo can be computed", "可计算Mayo"),
        "mayo_percent": ("Mayo %", "Mayo %"),
        "mean_mm": ("mean diameter mm", "平均直径 mm"),
        "multilocular": ("multilocular", "多房"),
        "new_solid_component": ("new solid component", "新出现实性成分"),
        "open_step": ("a step is open", "尚有未完成的步骤"),
        "persists": ("seen before", "既往已见"),
        "pet": ("PET done", "已行PET"),
        "proven_malignant": ("proven malignant", "已证实恶性"),
        "resolved": ("all nodules resolved", "结节均已消失"),
        "risk": ("risk", "风险"),
        "route": ("judged", "判定方式"),
        "secretions": ("features of secretions", "分泌物特征"),
        "setting": ("setting", "检查目的"),
        "shape": ("shape", "形态"),
        "short_axis_mm": ("short axis mm", "短径 mm"),
        "size": ("size class mm", "尺寸级别 mm"),
        "size_mm": ("mean mm, reported", "平均直径 mm(报告值)"),
        "size_mm3": ("or volume mm3", "或体积 mm³"),
        "solid_growth": ("solid component grew or appeared", "实性成分增大或新出现"),
        "solid_mm": ("solid component mm", "实性成分 mm"),
        "solid_mm3": ("or solid volume mm3", "或实性体积 mm³"),
        "solid_nodules": ("a solid nodule is present", "有实性结节"),
        "solid_size": ("class of the solid component mm", "实性成分级别 mm"),
        "solid_volume_mm3": ("solid volume mm3", "实性体积 mm³"),
        "spiculated": ("spiculated", "毛刺"),
        "stable_24m": ("stable for 24 months", "24个月稳定"),
        "status": ("status", "状态"),
        "subsolid": ("subsolid", "亚实性"),
        "suspicious": ("lobulated or cystic components", "分叶或含囊性成分"),
        "vdt_days": ("doubling time, days", "倍增时间(天)"),
        "volume_mm3": ("volume mm3", "体积 mm³"),
        "years_5": ("60 months since baseline", "自基线满60个月"),
    }
)
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "solid": "实性", "part_solid": "部分实性", "ground_glass": "磨玻璃", "single": "单发", "multiple": "多发",
        "low": "低", "high": "高", "present": "有危险因素", "absent": "无危险因素", "screening": "筛查", "incidental": "偶然发现",
        "baseline": "基线", "new": "新发", "growing": "增长", "smooth": "光滑", "oval": "卵圆形", "lentiform": "透镜形",
        "triangular": "三角形", "volume": "体积", "diameter": "直径", "pleural_based": "胸膜附着", "subsegmental": "亚段",
        "segmental_or_proximal": "段或更近端", "none": "无变化", "cystic_growth": "囊腔增大", "wall_growth": "壁增厚",
        "became_multilocular": "变为多房", "multilocular_growth": "多房增大", "more_loculation_or_opacity": "分房或密度增加",
        "prior": "查找既往CT", "incomplete": "肺部不完整", "infection": "疑似感染", "marks": "按随访点", "confirm": "确认持续存在",
        "3m": "3个月", "12m": "12个月", "24m": "24个月",
    }
)  # fmt: skip
# What the conditions of a row cannot say, in Chinese; the English stands in the row.
ALSO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "3, 4A or 4B with suspicious features": "3、4A或4B类且有可疑征象",
        "management and window of the next step": "处理和时间窗取下一步",
        "no nodule, or all earlier ones resolved": "无结节,或既往结节均已消失",
        "all < 6: consider_ct_24m_48m; one >= 6 before month 3: ct_3_6m_then_most_suspicious": (
            "均<6:consider_ct_24m_48m;有≥6且未满3个月:ct_3_6m_then_most_suspicious"
        ),
        "product rule": "本产品规则",
        "diffuse, central, laminated or popcorn calcification, or macroscopic fat": (
            "弥漫性、中央性、层状或爆米花样钙化,或肉眼可见脂肪"
        ),
        "from baseline": "自基线起",
        "stable for 60 months; several < 6: 48 months": "稳定满60个月;多发且均<6:48个月",
        "next of 12, 24, 48 months from baseline": "自基线起12、24、48个月中的下一次",
    }
)
TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": ("Guidelines as this program reads them", "本程序所采用的指南"),
        "made": (
            "Printed from the code by `manage.py print_guidelines`; do not edit.",
            "由 `manage.py print_guidelines` 从代码生成,请勿手工修改。",
        ),
        "ruleset": ("Ruleset", "规则集"),
        "support": (
            "Decision support, not medical advice. P: read in the primary text. S: read in a secondary source. M: from memory, unverified, never a default.",
            "仅供决策支持,并非医疗建议。P:已核对原文;S:已核对二手来源;M:凭记忆,未核实,不作为默认。",
        ),
        "months": ("Months are calendar months: earliest / target / latest.", "月数为日历月:最早/目标/最晚。"),
        "head": (
            "| rule | condition | management | months | source | rel |",
            "| 规则 | 条件 | 处理 | 月 | 来源 | 可靠性 |",
        ),
        "probability": (
            "Probability of malignancy as published, by category: {rows}.",
            "指南公布的各类别恶性概率:{rows}。",
        ),
        "eligibility": ("Screening eligibility", "筛查资格"),
        "eligibility_head": (
            "| code | age | pack-years | quit within years | rel |",
            "| 代码 | 年龄 | 包年 | 戒烟年限 | 可靠性 |",
        ),
        "no_limit": ("no limit", "不限"),
        "risk_list": ("any listed risk factor", "任一所列危险因素"),
        "or_years": ("or years smoked", "或吸烟年数"),
        "management": ("Management codes", "处理代码"),
        "management_head": ("| code | class | text |", "| 代码 | 类别 | 文本 |"),
        "otherwise": ("see text", "见说明"),
    }
)


def guidelines_page(language: Language) -> str:
    """The whole page as Markdown."""
    return "\n".join(_page(language)) + "\n"


def _text(name: str, language: Language) -> str:
    return TEXTS[name][language == "zh"]


def _page(language: Language) -> Iterator[str]:
    yield f"# {_text('title', language)}"
    yield ""
    yield _text("made", language)
    yield ""
    comma, stop = (", ", ".") if language == "en" else (",", "。")
    yield f"{_text('ruleset', language)} {RULESET_VERSION}{comma}sha256 `{ruleset_hash()}`{stop}"
    yield ""
    yield _text("support", language)
    yield ""
    yield _text("months", language)
    for edition in EDITIONS.values():
        yield from _edition(edition, language)
    yield from _eligibility(language)
    yield from _management(language)


def _edition(edition: Edition, language: Language) -> Iterator[str]:
    yield from ("", f"## {edition.title} ({edition.code})", "", _text("head", language), "|---|---|---|---|---|---|")
    yield from (_row(rule, language) for rule in edition.rules)
    if edition.code == lungrads2022.CODE:
        rows = _joined([f"{category} {chance}" for category, chance in lungrads2022.PROBABILITY.items()], language)
        yield from ("", _text("probability", language).format(rows=rows))


def _joined(words: Iterable[str], language: Language) -> str:
    return (", " if language == "en" else "、").join(words)


def _row(rule: Rule, language: Language) -> str:
    notes = ", ".join(rule.ambiguities)
    source = f"{rule.source} ({notes})" if notes else rule.source
    cells = (
        f"`{rule.id}`",
        condition_text(rule, language),
        f"`{rule.management}`" if rule.management else _text("otherwise", language),
        months_text(rule.months),
        source,
        rule.reliability,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def condition_text(rule: Rule, language: Language) -> str:
    """The conditions of a row in words."""
    parts = [_condition(name, condition, language) for name, condition in rule.when.items()]
    if rule.also:
        parts.append(rule.also if language == "en" else ALSO[rule.also])
    return ("; " if language == "en" else ";").join(parts) or "-"


def _condition(name: str, condition: Condition, language: Language) -> str:
    label = FIELDS[name][language == "zh"]
    colon = ": " if language == "en" else ":"
    if isinstance(condition, bool):
        yes = ("yes", "是") if condition else ("no", "否")
        return f"{label}{colon}{yes[language == 'zh']}"
    if isinstance(condition, Span):
        return f"{label} {condition.text}"
    words = sorted(condition) if isinstance(condition, frozenset) else [condition]
    return f"{label}{colon}{_joined((_word(word, language) for word in words), language)}"


def _word(word: str, language: Language) -> str:
    return WORDS.get(word, word) if language == "zh" else word.replace("_", " ")


def months_text(months: Months | None) -> str:
    """Earliest, target and latest month."""
    return "-" if months is None else f"{months.earliest}/{months.target}/{months.latest}"


def _eligibility(language: Language) -> Iterator[str]:
    head = _text("eligibility_head", language)
    yield from ("", f"## {_text('eligibility', language)}", "", head, "|---|---|---|---|---|")
    for code, row in ELIGIBILITY.items():
        age = f"{row.youngest}-{row.oldest}" if row.oldest is not None else f">= {row.youngest}"
        smoking = f">= {row.pack_years}"
        if row.years_smoked is not None:
            smoking += f" ({_text('or_years', language)} >= {row.years_smoked})"
        if row.any_risk_factor:
            smoking = _text("risk_list", language)
        quit_within = _text("no_limit", language) if row.quit_within_years is None else f"<= {row.quit_within_years}"
        yield f"| `{code}` | {age} | {smoking} | {quit_within} | {row.reliability} |"


def _management(language: Language) -> Iterator[str]:
    yield from ("", f"## {_text('management', language)}", "", _text("management_head", language), "|---|---|---|")
    for code, management in MANAGEMENT.items():
        yield f"| `{code}` | {management.kind.value} | {management.en if language == 'en' else management.zh} |"
